import { describe, expect, it } from 'vitest';
import { parseRepositoryName } from '../../../src/oci/reference.ts';
import { isRepositoryScope, mergeScopes, pullScope } from '../../../src/upstream/auth/scope.ts';

describe('scopes', () => {
  it('of a pull name the repository', () => {
    const name = parseRepositoryName('library/busybox');
    expect(name === undefined ? '' : pullScope(name)).toBe('repository:library/busybox:pull');
  });

  it('are the same text however they are written', () => {
    const merged = 'repository:a:pull,push repository:b:pull';
    expect(mergeScopes(['repository:b:pull', 'repository:a:push', 'repository:a:pull'])).toBe(merged);
    expect(mergeScopes(['repository:a:push,pull  repository:b:pull', 'repository:a:pull'])).toBe(merged);
  });

  it('keep words of the registry itself', () => {
    expect(mergeScopes(['aws'])).toBe('aws');
  });

  it('keep ports in names', () => {
    expect(mergeScopes(['repository:host:5000/a:pull'])).toBe('repository:host:5000/a:pull');
  });

  it('are told from words that name no repository', () => {
    expect(isRepositoryScope('repository:user/image:pull')).toBe(true);
    expect(isRepositoryScope('aws')).toBe(false);
    expect(isRepositoryScope('repository:')).toBe(false);
    expect(isRepositoryScope('registry:catalog:*')).toBe(false);
  });
});
