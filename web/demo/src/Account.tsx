/** Downloading one's data, and leaving: by deleting the account here, or by unlinking the app at Kakao. */

import { useEffect, useRef, useState, useSyncExternalStore } from 'react';
import type { Deletion } from './deletion.js';
import type { Demo } from './demo.js';
import { icons } from './icons.js';
import { useTexts } from './language.js';

export function Account({ demo }: { demo: Demo }) {
  const { t } = useTexts();
  const deletion = useSyncExternalStore(demo.deletion.subscribe, demo.deletion.get);
  const dialog = useRef<HTMLDialogElement>(null);
  const [download, setDownload] = useState<'loading' | 'failed' | 'done' | null>(null);
  const standIn = demo.config['stand-in'];
  useEffect(() => {
    const stay = ({ persisted }: PageTransitionEvent) => persisted && demo.deletion.cancel();
    addEventListener('pageshow', stay);
    return () => removeEventListener('pageshow', stay);
  }, [demo]);

  async function save() {
    if (download === 'loading') return;
    setDownload('loading');
    try {
      offer('account.json', JSON.stringify(await demo.client.account(), null, 2));
      setDownload('done');
    } catch {
      setDownload('failed');
    }
  }

  const isBusy = deletion.step === 'deleting' || deletion.step === 'leaving';
  const progress: Partial<Record<Deletion['step'], string>> = t.deletion;
  const message = progress[deletion.step] ?? (download && download !== 'loading' ? t.download[download] : null);
  const isQuiet = isBusy || message === t.download.done;
  return (
    <section className="card" aria-labelledby="account">
      <div className="card-head">
        <h2 id="account">{t.account}</h2>
      </div>
      <div role="status" aria-live="polite">
        {message && (
          <p className={isQuiet ? 'alert quiet' : 'alert'}>
            {isQuiet ? icons.dot : icons.alert}
            <span>{message}</span>
          </p>
        )}
      </div>
      <div className="actions">
        <button type="button" className="action" aria-disabled={download === 'loading'} onClick={() => void save()}>
          {icons.download}
          <span>
            <b>{t.downloadData}</b>
            <small>{t.downloadHint}</small>
          </span>
        </button>
        <button type="button" className="action" aria-disabled={isBusy} onClick={() => isBusy || dialog.current?.showModal()}>
          {icons.bin}
          <span>
            <b>{t.deleteAccount}</b>
            <small>{t.deleteHint}</small>
          </span>
        </button>
        {standIn && (
          <a className="action" href={`${standIn}/`} target="_blank" rel="noopener">
            {icons.tab}
            <span>
              <b>{t.unlink}</b>
              <small>{t.unlinkHint}</small>
            </span>
            <span className="unseen">{t.opensTab}</span>
          </a>
        )}
      </div>
      <dialog ref={dialog} className="confirm" aria-labelledby="confirm" onClick={(event) => event.target === event.currentTarget && event.currentTarget.close()}>
        <div className="confirm-body">
          <h2 id="confirm">{t.confirm}</h2>
          <ul>
            {t.confirmPoints.map((point) => (
              <li key={point}>{point}</li>
            ))}
          </ul>
          <div className="card-foot">
            {/* First, because the dialog puts the focus on its first button. */}
            <button type="button" className="button" onClick={() => dialog.current?.close()}>
              {t.cancel}
            </button>
            <button
              type="button"
              className="button danger"
              onClick={() => {
                dialog.current?.close();
                void demo.deletion.start();
              }}
            >
              {t.confirmDelete}
            </button>
          </div>
        </div>
      </dialog>
    </section>
  );
}

/** Lets the browser save a text as a file. */
function offer(name: string, text: string) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
