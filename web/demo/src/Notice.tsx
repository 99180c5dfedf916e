/** Shown instead of the page if it cannot work at this address. */

import { icons } from './icons.js';
import { useTexts } from './language.js';

/** `url` is the address where the page works; null if it is unknown. */
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
