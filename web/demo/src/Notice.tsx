/** Instead of the page, where it cannot work. */

import { icons } from './icons.js';
import { useTexts } from './language.js';

/** `url` is where it would work; null if that could not be found out. */
export function Notice({ url }: { url: string | null }) {
  const { t } = useTexts();
  return (
    <main className="notice card">
      <h1>{t.title}</h1>
      <p className="alert">
        {icons.alert}
        <span>{url ? t.wrongOrigin(url) : t.noConfig}</span>
      </p>
      {url && (
        <a className="button" href={url}>
          {t.openThere}
        </a>
      )}
    </main>
  );
}
