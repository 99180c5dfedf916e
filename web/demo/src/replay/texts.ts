/** The texts of the replay, in both languages. */

import type { Language } from '../texts.js';
import type { Act, ReplayName } from './replay.js';

export interface ReplayTexts {
  title: string;
  show: string;
  note: (date: string, versions: string) => string;
  recorded: string;
  ours: string;
  name: Record<ReplayName, string>;
  act: Record<Act, string>;
  /** How often both tabs of a race stayed logged in. */
  race: (both: number, trials: number) => string;
  verdict: Record<ReplayName, { ours: string; django: string }>;
}

export const REPLAY_TEXTS: Record<Language, ReplayTexts> = {
  ko: {
    title: 'dj-rest-auth와 나란히 보기',
    show: '재생할 상황을 고르세요',
    note: (date, versions) => `${date}에 같은 모의 카카오로 양쪽에 실제로 보낸 요청을 기록한 거예요. 리프레시 토큰을 교체하고 쓴 토큰을 차단하도록 설정한 ${versions} 기준이에요.`,
    recorded: '기록 재생',
    ours: '이 프로젝트',
    name: { race: '탭 두 개가 동시에 갱신', lost: '응답 유실', cookie: '쿠키 도난', everything: '프로필 전체 도난', logout: '로그아웃 뒤 호출' },
    act: {
      'both-tabs': '탭 두 개가 같은 순간에 갱신해요.',
      lost: '갱신 응답이 오다가 사라져요.',
      again: '다시 갱신해요. 이 프로젝트에서는 1시간 뒤예요.',
      thief: '도둑이 먼저 갱신해요.',
      owner: '주인이 갱신해요. 이 프로젝트에서는 1시간 뒤예요.',
      'thief-again': '도둑이 다시 갱신해요.',
      logout: '로그아웃해요.',
      call: '로그아웃 전에 받은 액세스 토큰으로 API를 호출해요.',
    },
    race: (both, trials) => `${trials}번 중 ${both}번 둘 다 로그인 유지`,
    verdict: {
      race: { ours: '한 번도 로그아웃되지 않아요.', django: '한 탭이 401을 받거나, 서로 모르는 토큰 두 개가 생겨요.' },
      lost: { ours: '로그인이 유지돼요.', django: '로그아웃돼요.' },
      cookie: { ours: '도둑은 아무것도 못 하고 주인은 그대로예요.', django: '주인이 로그아웃되고 도둑이 남아요.' },
      everything: { ours: '들켜서 둘 다 로그아웃돼요.', django: '주인이 로그아웃되고 도둑이 남아요.' },
      logout: { ours: '바로 거부해요.', django: '만료될 때까지 받아들여요.' },
    },
  },
  en: {
    title: 'Side by side with dj-rest-auth',
    show: 'Choose what to replay',
    note: (date, versions) => `Recorded on ${date}: real requests to both, with the same stand-in for Kakao. ${versions}, set to rotate refresh tokens and to blacklist spent ones.`,
    recorded: 'Recording',
    ours: 'This project',
    name: { race: 'Two tabs refresh at once', lost: 'A lost response', cookie: 'A stolen cookie', everything: 'The whole profile stolen', logout: 'A call after logout' },
    act: {
      'both-tabs': 'Two tabs refresh at the same instant.',
      lost: 'The response to a refresh gets lost.',
      again: 'The client refreshes again, here an hour later.',
      thief: 'The thief refreshes first.',
      owner: 'The owner refreshes, here an hour later.',
      'thief-again': 'The thief refreshes again.',
      logout: 'The user logs out.',
      call: 'A call with the access token from before the logout.',
    },
    race: (both, trials) => `both stay logged in ${both} times of ${trials}`,
    verdict: {
      race: { ours: 'Nobody is ever logged out.', django: 'One tab gets a 401, or two tokens exist that know nothing of each other.' },
      lost: { ours: 'Still logged in.', django: 'Logged out.' },
      cookie: { ours: 'The thief gets nothing, and the owner goes on.', django: 'The owner is out, and the thief stays in.' },
      everything: { ours: 'Found: both are out.', django: 'The owner is out, and the thief stays in.' },
      logout: { ours: 'Refused at once.', django: 'Accepted until it expires.' },
    },
  },
};
