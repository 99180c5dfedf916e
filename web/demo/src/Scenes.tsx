/** The scenes about sessions and keys: what can be played, and the steps of the last one. */

import { type ReactNode, useSyncExternalStore } from 'react';
import { useAuth } from 'kakao-login-web/react';
import type { Demo } from './demo.js';
import { icons } from './icons.js';
import { useTexts } from './language.js';
import { SceneSteps } from './SceneSteps.js';
import type { Outcome, Scene } from './scenes.js';
import type { Language } from './texts.js';
import { scenesEn } from './texts/scenes-en.js';
import { scenesKo, type SceneTexts } from './texts/scenes-ko.js';

const TEXTS: Record<Language, SceneTexts> = { ko: scenesKo, en: scenesEn };
const ICONS: Record<Scene, ReactNode> = { cookie: icons.thief, profile: icons.devices, silence: icons.clock, keys: icons.key };
const GOOD: Outcome[] = ['worthless', 'found', 'still-in', 'rotated'];

export function Scenes({ demo }: { demo: Demo }) {
  const { status } = useAuth();
  const { language } = useTexts();
  const t = TEXTS[language];
  const { scene, steps, outcome } = useSyncExternalStore(demo.scenes.subscribe, demo.scenes.get);
  const isLoggedIn = status === 'authenticated';
  const isPlaying = scene !== null && !outcome;
  return (
    <section className="card scenes" aria-labelledby="scenes">
      <div className="card-head">
        <h2 id="scenes">{t.title}</h2>
      </div>
      <div className="actions">
        {demo.scenes.all.map((name) => (
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
          <SceneSteps scene={scene} steps={steps} t={t} />
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
