/** `npm run asyncapi` writes deploy/asyncapi.json. */
import { writeFileSync } from 'node:fs';
import { asyncApiText } from './asyncapi.ts';

writeFileSync(new URL('asyncapi.json', import.meta.url), asyncApiText());
