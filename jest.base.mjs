import { fileURLToPath } from 'node:url';

/**
 * What every package's jest.config.mjs starts from: TypeScript as native ES modules, through swc.
 *
 * @type {import('jest').Config}
 */
export default {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  setupFiles: [fileURLToPath(new URL('jest.setup.mjs', import.meta.url))],
  testTimeout: 60_000,
  maxWorkers: 2,
  // js first: everything but our own sources is JavaScript
  moduleFileExtensions: ['js', 'mjs', 'cjs', 'ts', 'json', 'node'],
  extensionsToTreatAsEsm: ['.ts'],
  // sources import './x.js', which is x.ts until it is built
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: {
    '\\.ts$': [
      '@swc/jest',
      {
        swcrc: false,
        sourceMaps: 'inline',
        jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
        module: { type: 'es6' },
      },
    ],
  },
};
