/** The journal and its counters. */

import { type ReactNode, useSyncExternalStore } from 'react';
import { FAULT_ICONS, icons } from './icons.js';
import type { Entry, Journal, Row } from './journal.js';
import { useTexts } from './language.js';

export function JournalCard({ journal }: { journal: Journal }) {
  const { t } = useTexts();
  const { rows, counters } = useSyncExternalStore(journal.subscribe, journal.get);
  return (
    <section className="card journal" aria-labelledby="journal">
      <div className="card-head">
        <h2 id="journal">{t.journal}</h2>
      </div>
      <dl className="counters">
        {(['refreshes', 'retries', 'requests'] as const).map((name) => (
          <div key={name}>
            <dt>{t.counters[name]}</dt>
            <dd data-counter={name}>{counters[name]}</dd>
          </div>
        ))}
      </dl>
      <p className="note">{t.countersNote}</p>
      {/* It scrolls, so the keyboard has to get to it. Nothing in it is announced: it would never be quiet. */}
      <div className="rows" role="group" aria-label={t.rows} tabIndex={0}>
        {rows.length === 0 && <p className="note">{t.journalEmpty}</p>}
        <ol>
          {rows.map((row) => (
            <Line key={row.id} row={row} />
          ))}
        </ol>
      </div>
    </section>
  );
}

function Line({ row }: { row: Row }) {
  const { language, t } = useTexts();
  const [icon, tone] = look(row.entry);
  const time = row.at.toLocaleTimeString(language, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
  return (
    <li className={`row ${tone}`}>
      <span className="sign">{icon}</span>
      <span className="text">
        {t.entry(row.entry)}
        {row.count > 1 && <b className="count"> × {row.count}</b>}
      </span>
      <span className="meta">
        <time dateTime={row.at.toISOString()}>{time}</time>
        <span>
          {t.source[row.source]}
          {row.simulated && ` · ${t.simulated}`}
        </span>
        {row.ms !== null && <span>{row.count > 1 ? t.upTo(row.ms) : `${row.ms} ms`}</span>}
      </span>
    </li>
  );
}

function look(entry: Entry): [icon: ReactNode, tone: 'good' | 'bad' | 'warning' | 'new' | 'quiet'] {
  switch (entry.kind) {
    case 'exchanged':
    case 'resumed':
    case 'handed-over':
    case 'joined':
      return [icons.in, 'good'];
    case 'refreshed':
      return [icons.refresh, 'new'];
    case 'logged-out':
    case 'logging-out':
    case 'sessions-changed':
      return [icons.out, 'quiet'];
    case 'expired':
      return [icons.alert, 'bad'];
    case 'failed':
      return [icons.alert, entry.code === 'denied' || entry.code === 'account_being_deleted' ? 'quiet' : 'warning'];
    case 'unavailable':
    case 'logout-pending':
      return [icons.alert, 'warning'];
    case 'fault':
      return [FAULT_ICONS[entry.fault], 'quiet'];
    case 'force-expired':
      return [icons.expired, 'quiet'];
    case 'result':
      return [icons.burst, 'new'];
    case 'trip': {
      const isGood = entry.status !== null && entry.status < 400;
      return [entry.retry ? icons.refresh : icons.arrow, isGood ? 'good' : 'bad'];
    }
    case 'clock':
      return [icons.clock, 'quiet'];
    case 'keys-rotated':
      return [icons.key, 'new'];
    case 'service':
      return [icons.lock, entry.status === 200 ? 'good' : 'bad'];
    case 'lost':
      return [icons.alert, 'warning'];
    case 'thief':
      return [icons.thief, entry.status < 400 ? 'bad' : 'quiet'];
    case 'first-visit':
    case 'checked':
      return [icons.dot, 'quiet'];
  }
}
