/** The language of the page. The choice is stored, and `<html lang>` follows it. */

import { createContext, type ReactNode, useContext, useLayoutEffect, useState } from 'react';
import { type Language, TEXTS, type Texts } from './texts.js';

const KEY = 'demo.language';

interface Spoken {
  language: Language;
  speak: (language: Language) => void;
  t: Texts;
}

const Context = createContext<Spoken>({ language: 'ko', speak: () => {}, t: TEXTS.ko });

export function Speaking({ children }: { children: ReactNode }) {
  const [language, setLanguage] = useState<Language>(() => (localStorage.getItem(KEY) === 'en' ? 'en' : 'ko'));
  const t = TEXTS[language];
  useLayoutEffect(() => {
    document.documentElement.lang = language;
    document.title = t.title;
  }, [language, t]);
  const speak = (chosen: Language) => {
    localStorage.setItem(KEY, chosen);
    setLanguage(chosen);
  };
  return <Context value={{ language, speak, t }}>{children}</Context>;
}

export const useTexts = () => useContext(Context);
