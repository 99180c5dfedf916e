/** Plays a recording: the same accident here and with dj-rest-auth, step by step on one clock. */

import { useEffect, useState } from 'react';
import { icons } from '../icons.js';
import { useTexts } from '../language.js';
import { recording, type ReplayName, REPLAYS, type Said } from './replay.js';
import { REPLAY_TEXTS, type ReplayTexts } from './texts.js';

/** To read a step before the next one comes. */
const STEP_MS = 1_100;

export default function Replay() {
  const { language } = useTexts();
  const t = REPLAY_TEXTS[language];
  const [playing, setPlaying] = useState<{ name: ReplayName; shown: number } | null>(null);
  const steps = playing ? recording.scenes[playing.name].ours.length : 0;
  const isOver = playing !== null && playing.shown > steps;
  useEffect(() => {
    if (!playing || isOver) return;
    const timer = setTimeout(() => setPlaying({ ...playing, shown: playing.shown + 1 }), STEP_MS);
    return () => clearTimeout(timer);
  }, [playing, isOver]);
  const versions = Object.entries(recording.versions).map(([name, version]) => `${name} ${version}`);
  return (
    <section className="card replay" aria-labelledby="replay">
      <div className="card-head">
        <h2 id="replay">{t.title}</h2>
        <span className="badge quiet">{t.recorded}</span>
      </div>
      <div className="choices" role="group" aria-label={t.show}>
        {REPLAYS.map((name) => (
          <button key={name} type="button" className="choice" aria-pressed={playing?.name === name} onClick={() => setPlaying({ name, shown: 1 })}>
            {t.name[name]}
          </button>
        ))}
      </div>
      {playing && (
        <div className="played" role="status" aria-live="polite">
          <div className="sides">
            <div className="side">
              <b>{t.ours}</b>
            </div>
            <div className="side">
              <b>dj-rest-auth</b>
            </div>
          </div>
          <ol className="acts">
            {recording.scenes[playing.name].ours.slice(0, playing.shown).map((said, index) => (
              <li key={said.act}>
                <p>{t.act[said.act]}</p>
                <div className="answers">
                  <Answer said={said} t={t} />
                  <Answer said={recording.scenes[playing.name].django[index]!} t={t} />
                </div>
              </li>
            ))}
          </ol>
          {isOver && (
            <div className="answers verdict">
              {(['ours', 'django'] as const).map((side) => (
                <p key={side} className={side === 'ours' ? 'outcome good' : 'outcome bad'}>
                  {side === 'ours' ? icons.check : icons.alert}
                  <span>{t.verdict[playing.name][side]}</span>
                </p>
              ))}
            </div>
          )}
        </div>
      )}
      <p className="note">{t.note(recording.recorded_on, versions.join(', '))}</p>
    </section>
  );
}

function Answer({ said, t }: { said: Said; t: ReplayTexts }) {
  const both = said.outcomes?.['200, 200'] ?? 0;
  return (
    <div className="answer">
      <code>
        {said.method} {said.path}
      </code>
      <b>{said.outcomes ? t.race(both, recording.trials) : `→ ${said.status} ${said.code ?? ''}`.trim()}</b>
    </div>
  );
}
