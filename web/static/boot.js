// Runs before the first paint, as a file because the content security policy allows no inline script.
(function () {
  // Zod would probe for eval, which the policy forbids and the browser would report.
  globalThis.__zod_globalConfig = { jitless: true };
  var chosen = null;
  try {
    chosen = localStorage.getItem('crucible.theme');
  } catch {
    // Storage may be denied; the system's preference then stands.
  }
  if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;
})();
