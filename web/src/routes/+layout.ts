// The pages are one application in the browser: the gateway serves one file for all of them and knows nothing of Svelte.
export const ssr = false;
export const prerender = false;
