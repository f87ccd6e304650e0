/** `npm run readme` renews the tables of README.md. */
import { readFileSync, writeFileSync } from 'node:fs';
import { renewReadme } from './readme.ts';

const file = new URL('../README.md', import.meta.url);
writeFileSync(file, renewReadme(readFileSync(file, 'utf8')));
