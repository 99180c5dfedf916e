// Before the router, which reads the address: the client takes Kakao's response out of it.
import './auth.js';

import { createApp, h } from 'vue';
import { createRouter, createWebHistory } from 'vue-router';
import App from './App.vue';
import Cart from './Cart.vue';

const text = (page) => ({ render: () => h('h1', { id: 'page' }, page) });
const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: '/', component: text('home') },
    { path: '/cart', component: Cart },
    { path: '/:all(.*)', component: text('not found') },
  ],
});

createApp(App).use(router).mount('#app');
