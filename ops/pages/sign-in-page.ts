import { html } from './html.ts';
import { document } from './layout.ts';

/** @param message why a person is not in yet; null at first */
export function signInPage(message: string | null): string {
  return document(
    'Cinedex: sign in',
    html`<main class="narrow"><h1>Cinedex operations</h1>
${message !== null && html`<p class="bad" role="alert">${message}</p>`}
<form method="post" action="/login">
<label>User<input name="user" autocomplete="username" required autofocus></label>
<label>Password<input name="password" type="password" autocomplete="current-password" required></label>
<button>Sign in</button></form></main>`,
  );
}
