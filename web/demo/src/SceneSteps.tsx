/** The steps of a scene. Where two act, they stand side by side, and the server's steps lie across. */

import type { ReactNode } from 'react';
import { icons } from './icons.js';
import { textOf } from './log.js';
import { type Scene, type SceneStep, SIDES } from './scenes.js';
import type { SceneTexts, Stands } from './texts/scenes-ko.js';

const ICONS: Partial<Record<SceneStep['name'], ReactNode>> = {
  pace: icons.clock,
  log: icons.server,
  lost: icons.offline,
  hour: icons.clock,
  back: icons.refresh,
  published: icons.key,
  active: icons.clock,
};

/** Who acts beside the owner. In a scene that is not here, the owner is alone. */
const OTHERS: Partial<Record<Scene, 'thief' | 'service'>> = { cookie: 'thief', profile: 'thief', keys: 'service' };

const TONES: Record<Stands, string> = { in: 'good', accepts: 'good', token: 'warning', copy: 'warning', out: 'quiet', nothing: 'quiet', refuses: 'warning' };

interface Props {
  scene: Scene;
  steps: SceneStep[];
  t: SceneTexts;
}

export function SceneSteps({ scene, steps, t }: Props) {
  const other = OTHERS[scene];
  if (!other) {
    return (
      <ol>
        {steps.map((step, index) => (
          <Step key={index} step={step} t={t} />
        ))}
      </ol>
    );
  }
  return (
    <>
      <div className="sides">
        {(['owner', other] as const).map((side) => {
          const stands = standing(scene, side, steps);
          return (
            <div key={side} className={`side ${side === 'owner' ? 'owner' : 'other'}`}>
              <b>{t.side[side]}</b>
              {stands && <span className={`badge ${TONES[stands]}`}>{t.stands[stands]}</span>}
            </div>
          );
        })}
      </div>
      <ol className="sided">
        {steps.map((step, index) => (
          <Step key={index} step={step} t={t} />
        ))}
      </ol>
    </>
  );
}

/** How one of the two stands after these steps. */
function standing(scene: Scene, side: 'owner' | 'thief' | 'service', steps: SceneStep[]): Stands | null {
  const status = steps.filter(({ name, status }) => SIDES[name] === side && status !== undefined).at(-1)?.status;
  if (side === 'owner') return status === 401 ? 'out' : 'in';
  if (side === 'service') return status === undefined ? null : status === 200 ? 'accepts' : 'refuses';
  if (status === undefined) return 'copy';
  return status === 200 ? 'token' : scene === 'cookie' ? 'nothing' : 'out';
}

function Step({ step, t }: { step: SceneStep; t: SceneTexts }) {
  const { name, status, code, kid, log } = step;
  const side = SIDES[name];
  return (
    <li data-side={side === 'owner' || side === 'server' ? side : 'other'}>
      {ICONS[name]}
      <span>
        {side !== 'server' && <span className="unseen">{t.side[side]}: </span>}
        {t.step[name]} {status !== undefined && <b>{`→ ${status ?? t.noResponse} ${code ?? ''}`.trim()}</b>}
        {kid && (
          <span className="kid">
            {t.key} <code>{kid.slice(0, 8)}</code>
          </span>
        )}
        {log && (
          <code className="log" tabIndex={0}>
            {textOf(log)}
          </code>
        )}
      </span>
    </li>
  );
}
