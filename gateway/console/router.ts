import { createRouter, createWebHistory } from 'vue-router'
import type { Client } from './client/client.ts'
import AccountsPage from './pages/accounts-page.vue'
import AlarmsPage from './pages/alarms-page.vue'
import CalibrationPage from './pages/calibration-page.vue'
import CamerasPage from './pages/cameras-page.vue'
import CasesPage from './pages/cases-page.vue'
import DevicesPage from './pages/devices-page.vue'
import ElderPage from './pages/elder-page.vue'
import EldersPage from './pages/elders-page.vue'
import LoginPage from './pages/login-page.vue'
import ModelsPage from './pages/models-page.vue'

/** Caregivers see their own people and nothing else of the site. */
const isForCaregivers = (path: string) => path === '/accounts' || path === '/elders' || path.startsWith('/elders/')

/** Every page of the console; without a session only the login. */
export function createConsoleRouter(client: Client) {
  const router = createRouter({
    history: createWebHistory(),
    routes: [
      { path: '/', redirect: '/alarms' },
      { path: '/login', component: LoginPage },
      { path: '/alarms/:id?', component: AlarmsPage },
      { path: '/cameras/:id/calibration', component: CalibrationPage },
      { path: '/cameras/:id?', component: CamerasPage },
      { path: '/cases/:id?', component: CasesPage },
      { path: '/devices/:id?', component: DevicesPage },
      { path: '/models', component: ModelsPage },
      { path: '/elders', component: EldersPage },
      { path: '/elders/:id', component: ElderPage },
      { path: '/accounts', component: AccountsPage },
      { path: '/:rest(.*)*', redirect: '/alarms' },
    ],
  })
  router.beforeEach(async (to) => {
    const isLoggedIn = await client.restore()
    if (!isLoggedIn && to.path !== '/login') return { path: '/login', query: { next: to.fullPath } }
    if (isLoggedIn && to.path === '/login') return '/alarms'
    if (isLoggedIn && !client.isStaff.value && !isForCaregivers(to.path)) return '/elders'
    return true
  })
  client.onSessionEnded(() => void router.push('/login'))
  return router
}
