/** The browsers inside other apps. */

export type InApp = 'kakaotalk' | 'naver' | 'instagram' | 'facebook' | 'line' | 'other';
