// @ts-check
/**
 * Before the first paint: the theme and the language that were chosen, so that nothing flashes.
 *
 * The one script here that is no module: a module would come after the first paint.
 */
try {
  const root = document.documentElement
  const theme = localStorage.getItem('tailrace.theme')
  if (theme === 'light' || theme === 'dark') root.setAttribute('data-theme', theme)
  const language = localStorage.getItem('tailrace.language')
  if (language) root.lang = language
} catch {
  // storage that is not allowed: the system's theme and the browser's language it is
}
