const KEY = 'weir-theme';
const CHOICES = ['auto', 'light', 'dark'] as const;

/** Follows the system unless told otherwise. Calls back when colors change. */
export function startTheme(button: HTMLElement, onChange: () => void): void {
  const system = matchMedia('(prefers-color-scheme: dark)');
  let choice: string = localStorage.getItem(KEY) ?? 'auto';
  const apply = (): void => {
    const dark = choice === 'dark' || (choice === 'auto' && system.matches);
    document.documentElement.setAttribute('data-theme', dark ? 'dark' : 'light');
    button.textContent = { auto: '◐ auto', light: '○ light', dark: '● dark' }[choice] ?? '◐ auto';
    button.setAttribute('aria-label', `Colors: ${choice}; press for the next`);
    onChange();
  };
  button.addEventListener('click', () => {
    const at = CHOICES.findIndex((each) => each === choice);
    choice = CHOICES[(at + 1) % CHOICES.length]!;
    localStorage.setItem(KEY, choice);
    apply();
  });
  system.addEventListener('change', apply);
  apply();
}
