/** The scenes with a thief and a lost response: a button for each, and what happened in the last one. */

import { type ReactNode, useSyncExternalStore } from 'react';
import { useAuth } from 'kakao-login-web/react';
import type { Demo } from './demo.js';
import { icons } from './icons.js';
import { useTexts } from './language.js';
import { SCENE_TEXTS, type SceneTexts } from './scene-texts.js';
import { type Outcome, type Scene, type SceneStep, SCENES } from './scenes.js';

const ICONS: Record<Scene, ReactNode> = { cookie: icons.thief, profile: icons.devices, silence: icons.clock };

const STEP_ICONS: Record<SceneStep['name'], ReactNode> = {
  'cookie-copied': icons.thief,
  'profile-copied': icons.thief,
  pace: icons.clock,
  thief: icons.thief,
  'thief-again': icons.thief,
  log: icons.server,
  owner: icons.refresh,
  fork: icons.refresh,
  lost: icons.offline,
  hour: icons.clock,
  back: icons.refresh,
};

const GOOD: Outcome[] = ['worthless', 'found', 'still-in'];

export function Scenes({ demo }: { demo: Demo }) {
  const { status } = useAuth();
  const { language } = useTexts();
  const t = SCENE_TEXTS[language];
  const { scene, steps, outcome } = useSyncExternalStore(demo.scenes.subscribe, demo.scenes.get);
  const isLoggedIn = status === 'authenticated';
  const isPlaying = scene !== null && !outcome;
  return (
    <section className="card scenes" aria-labelledby="scenes">
      <div className="card-head">
        <h2 id="scenes">{t.title}</h2>
      </div>
      <div className="actions">
        {SCENES.map((name) => (
          <button key={name} type="button" className="action" aria-disabled={isPlaying || !isLoggedIn} onClick={() => void demo.scenes.play(name)}>
            {ICONS[name]}
            <span>
              <b>{t.name[name]}</b>
              <small>{t.hint[name]}</small>
            </span>
          </button>
        ))}
      </div>
      {scene && (
        <div className="played" role="status" aria-live="polite">
          <h3>{t.name[scene]}</h3>
          <ol>
            {steps.map((step, index) => (
              <Step key={index} step={step} t={t} />
            ))}
          </ol>
          {outcome && (
            <p className={GOOD.includes(outcome) ? 'outcome good' : 'outcome bad'}>
              {GOOD.includes(outcome) ? icons.check : icons.alert}
              <span>{t.outcome[outcome]}</span>
            </p>
          )}
        </div>
      )}
      <p className="note">{isLoggedIn || isPlaying ? t.note : scene ? t.again : t.loggedOut}</p>
    </section>
  );
}

function Step({ step, t }: { step: SceneStep; t: SceneTexts }) {
  const { name, status, code } = step;
  return (
    <li>
      {STEP_ICONS[name]}
      <span>
        {t.step[name]} {status !== undefined && <b>{`→ ${status ?? t.noResponse} ${code ?? ''}`.trim()}</b>}
      </span>
    </li>
  );
}
