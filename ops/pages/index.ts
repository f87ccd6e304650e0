export { flowPage } from './flow-page.ts';
export { PAGE_HEADERS } from './layout.ts';
export { lettersPage } from './letters-page.ts';
export { signInPage } from './sign-in-page.ts';
export { videoPage } from './video-page.ts';
