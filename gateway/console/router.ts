import { createRouter, createWebHistory } from 'vue-router'
import type { Client } from './client/client.ts'
import AccountsPage from './pages/accounts.vue'
import AlarmsPage from './pages/alarms.vue'
import CamerasPage from './pages/cameras.vue'
import CasesPage from './pages/cases.vue'
import DevicesPage from './pages/devices.vue'
import LoginPage from './pages/login.vue'
import ModelsPage from './pages/models.vue'

/** Every page of the console; without a session only the login. */
export function createConsoleRouter(client: Client) {
  const router = createRouter({
    history: createWebHistory(),
    routes: [
      { path: '/', redirect: '/alarms' },
      { path: '/login', component: LoginPage },
      { path: '/alarms/:id?', component: AlarmsPage },
      { path: '/cameras/:id?', component: CamerasPage },
      { path: '/cases/:id?', component: CasesPage },
      { path: '/devices/:id?', component: DevicesPage },
      { path: '/models', component: ModelsPage },
      { path: '/accounts', component: AccountsPage },
      { path: '/:rest(.*)*', redirect: '/alarms' },
    ],
  })
  router.beforeEach(async (to) => {
    const isLoggedIn = await client.restore()
    if (!isLoggedIn && to.path !== '/login') return { path: '/login', query: { next: to.fullPath } }
    if (isLoggedIn && to.path === '/login') return '/alarms'
    if (isLoggedIn && !client.isStaff.value && to.path !== '/accounts') return '/accounts'
    return true
  })
  client.onSessionEnded(() => void router.push('/login'))
  return router
}
