/** All texts of the page, by language. */

import { en } from './texts/en.js';
import { ko, type Texts } from './texts/ko.js';

export type { Texts };
export type Language = 'ko' | 'en';
export const LANGUAGES: readonly Language[] = ['ko', 'en'];

export const TEXTS: Record<Language, Texts> = { ko, en };
