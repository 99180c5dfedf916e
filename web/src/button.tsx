'use client';
/** Kakao's login button, after the rules of its design guide: container, symbol, colours, radius and label. */

import { type ComponentProps, createElement, type MouseEvent, useEffect, useState } from 'react';
import { useAuth } from './react.js';

const LABELS = { ko: '카카오 로그인', en: 'Login with Kakao' };

/** A speech bubble. Kakao wants the symbol of its own resources. */
const SYMBOL =
  'M10 2.5c-4.7 0-8.5 3-8.5 6.6 0 2.3 1.5 4.3 3.9 5.5l-.8 2.9c-.1.3.2.5.5.3l3.4-2.2c.5.1 1 .1 1.5.1 4.7 0 8.5-3 8.5-6.6S14.7 2.5 10 2.5z';

export interface KakaoButtonProps extends Omit<ComponentProps<'button'>, 'children' | 'lang'> {
  /** As in `login()`. */
  returnTo?: string;
  switchAccount?: boolean;
  /** `symbol`: without the label, which screen readers still read. Default: `complete`. */
  shape?: 'complete' | 'symbol';
  /** Default: `ko`. */
  lang?: 'ko' | 'en';
}

/** `onClick` comes first, and can prevent the login with `preventDefault()`. */
export function KakaoButton({ returnTo, switchAccount, shape = 'complete', lang = 'ko', onClick, style, ...rest }: KakaoButtonProps) {
  const { login } = useAuth();
  const [isLeaving, setLeaving] = useState(false);

  // The Back button may show this page as it was left.
  useEffect(() => {
    const back = () => setLeaving(false);
    addEventListener('pageshow', back);
    return () => removeEventListener('pageshow', back);
  }, []);

  async function leave(event: MouseEvent<HTMLButtonElement>) {
    onClick?.(event);
    if (event.defaultPrevented) return;
    setLeaving(true);
    try {
      await login({ ...(returnTo !== undefined && { returnTo }), ...(switchAccount && { switchAccount }) });
    } catch (error) {
      setLeaving(false);
      throw error;
    }
  }

  const label = LABELS[lang];
  const isSymbol = shape === 'symbol';
  const container = {
    display: 'inline-flex',
    alignItems: 'center',
    justifyContent: 'center',
    gap: 8,
    boxSizing: 'border-box',
    height: 45,
    ...(isSymbol ? { width: 45, padding: 0 } : { padding: '0 16px' }),
    border: 0,
    borderRadius: 12,
    background: '#FEE500',
    color: 'rgba(0, 0, 0, 0.85)',
    font: '600 15px/1 system-ui, sans-serif',
    cursor: isLeaving ? 'progress' : 'pointer',
    ...style,
  } as const;
  return createElement(
    'button',
    { type: 'button', lang, 'aria-busy': isLeaving, ...(isSymbol && { 'aria-label': label }), ...rest, onClick: leave, style: container },
    createElement('svg', { width: 18, height: 18, viewBox: '0 0 20 20', 'aria-hidden': true }, createElement('path', { d: SYMBOL, fill: '#000000' })),
    isSymbol ? null : createElement('span', null, label),
  );
}
