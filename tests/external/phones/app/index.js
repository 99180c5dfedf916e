// The app around docs/native/session.ts, as the test calls it.
import './environment.js';
import { auth, logIn, start } from '../../../../docs/native/session.ts';

globalThis.RN$phone({ auth, logIn, start });
