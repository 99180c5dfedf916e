/** The language of the page: the one that was chosen, or else the browser's. `<html lang>` and the page's title follow it. */

import { createContext, type ReactNode, useContext, useLayoutEffect, useState } from 'react';
import { type Language, LANGUAGES, TEXTS, type Texts } from './texts.js';

const KEY = 'demo.language';

interface Spoken {
  language: Language;
  speak: (language: Language) => void;
  t: Texts;
}

const Context = createContext<Spoken>({ language: 'ko', speak: () => {}, t: TEXTS.ko });

/** The stored choice, or the first of the browser's languages that the page has. */
function firstLanguage(): Language {
  const wanted = [localStorage.getItem(KEY), ...navigator.languages.map((tag) => tag.split('-')[0])];
  return LANGUAGES.find((language) => language === wanted.find((name) => LANGUAGES.some((known) => known === name))) ?? 'ko';
}

export function Speaking({ children }: { children: ReactNode }) {
  const [language, setLanguage] = useState<Language>(firstLanguage);
  const t = TEXTS[language];
  useLayoutEffect(() => {
    document.documentElement.lang = language;
    document.title = t.title;
    document.querySelector('meta[name=description]')?.setAttribute('content', t.description);
  }, [language, t]);
  const speak = (chosen: Language) => {
    localStorage.setItem(KEY, chosen);
    setLanguage(chosen);
  };
  return <Context value={{ language, speak, t }}>{children}</Context>;
}

export const useTexts = () => useContext(Context);
