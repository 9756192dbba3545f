import { describe, expect, it } from 'vitest';
import { NoProxy } from '../../../src/upstream/no-proxy.ts';

describe('NoProxy', () => {
  it.each([
    ['example.com', 'https://example.com/'],
    ['example.com', 'https://registry.example.com/'],
    ['.example.com', 'https://example.com/'],
    ['.example.com', 'https://registry.example.com/'],
    ['*.example.com', 'https://registry.example.com/'],
    ['EXAMPLE.com.', 'https://example.com/'],
    ['a.test, example.com', 'http://example.com/'],
    ['a.test example.com', 'http://example.com/'],
    ['example.com:443', 'https://example.com/'],
    ['example.com:5000', 'http://example.com:5000/'],
    ['127.0.0.1', 'http://127.0.0.1:5000/'],
    ['::1', 'http://[::1]:5000/'],
    ['[::1]', 'http://[::1]/'],
    ['[::1]:5000', 'http://[::1]:5000/'],
    ['10.0.0.0/8', 'https://10.20.30.40/'],
    ['fd00::/8', 'https://[fd12::1]/'],
    ['*', 'https://anything.example/'],
  ])('%j asks %s directly', (text, url) => {
    expect(new NoProxy(text, { forLoopback: true }).includes(new URL(url))).toBe(true);
  });

  it.each([
    ['', 'https://example.com/'],
    [' , ', 'https://example.com/'],
    ['example.com', 'https://notexample.com/'],
    ['example.com', 'https://example.com.evil.test/'],
    ['*.example.com', 'https://example.com/'],
    ['example.com:443', 'http://example.com/'],
    ['example.com:5000', 'https://example.com/'],
    ['[::1]:5000', 'http://[::1]:5001/'],
    ['10.0.0.0/8', 'https://11.0.0.1/'],
    ['10.0.0.0/8', 'https://10.example.com/'],
    ['fd00::/8', 'https://10.0.0.1/'],
    ['0.0.0.1', 'https://10.0.0.1/'],
  ])('%j leaves %s to the proxy', (text, url) => {
    expect(new NoProxy(text, { forLoopback: true }).includes(new URL(url))).toBe(false);
  });
});

// As Go has it: https://pkg.go.dev/golang.org/x/net/http/httpproxy#Config.ProxyFunc
describe('a proxy that is not for this machine itself', () => {
  it.each([
    ['', 'http://localhost:5000/'],
    ['', 'http://127.0.0.1:5000/'],
    ['', 'https://127.8.9.10/'],
    ['', 'http://[::1]:5000/'],
    ['', 'http://[::ffff:127.0.0.1]/'],
    ['example.com', 'http://localhost/'],
  ])('%j: %s is asked directly', (text, url) => {
    expect(new NoProxy(text, { forLoopback: false }).includes(new URL(url))).toBe(true);
  });

  it.each(['http://10.0.0.1/', 'https://registry.example.com/', 'http://localhost.example.com/'])(
    'is used for %s',
    (url) => {
      expect(new NoProxy('', { forLoopback: false }).includes(new URL(url))).toBe(false);
    },
  );
});
