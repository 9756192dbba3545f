import { expect, it } from 'vitest';
import { archiveName } from '../../../src/archive/file-name.ts';

const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;

it.each([
  ['docker.io/library/node:18', 'docker.io_library_node_18'],
  ['ghcr.io/owner/my_app/web:v1.2-rc_1', 'ghcr.io_owner_my__app_web_v1.2-rc__1'],
  ['localhost:5000/x:1', 'localhost+5000_x_1'],
  ['[::1]:5000/x:1', '[++1]+5000_x_1'],
  [`docker.io/library/node@${digest}`, `docker.io_library_node@sha256-${'0123456789abcdef'.repeat(4)}`],
  [`docker.io/library/node:18@${digest}`, `docker.io_library_node_18@sha256-${'0123456789abcdef'.repeat(4)}`],
  ['nul.example.com/app:1', '_nul.example.com_app_1'],
  ['console.example.com/app:1', 'console.example.com_app_1'],
])('of %s is %s', (image, name) => {
  expect(archiveName(image)).toBe(name);
});

it('has the platform of one of several files', () => {
  expect(archiveName('docker.io/library/node:18', 'linux/arm/v7')).toBe(
    'docker.io_library_node_18@linux-arm-v7',
  );
});

it('tells apart what could look alike', () => {
  const images = [
    'h.io/a_b/c:1',
    'h.io/a/b_c:1',
    'h.io/a/b/c:1',
    'h.io/a/b:c_1',
    'h.io/a:_b',
    'h.io/a__b/c:1',
  ];
  expect(new Set(images.map((image) => archiveName(image))).size).toBe(images.length);
});

it('is not too long for a file system, and still of this image alone', () => {
  const long = (tag: string): string =>
    archiveName(`docker.io/${'long/'.repeat(40)}name:${tag}@${digest}`, 'linux/amd64');
  expect(long('1').length).toBe(200);
  expect(long('1')).not.toBe(long('2'));
  expect(long('1')).toBe(long('1'));
});

it('has no character that FAT or Windows refuse', () => {
  const names = [`[::1]:5000/a/b:1@${digest}`, 'h.io/a__b:_x'].map((image) =>
    archiveName(image, 'linux/arm/v7'),
  );
  for (const name of names) expect(name).toMatch(/^[^<>:"/\\|?*\s]+$/);
});
