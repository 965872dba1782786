import { createApp } from 'vue'
import App from './app.vue'
import { createClient } from './client/client.ts'
import { clientKey } from './client/key.ts'
import { onNotificationPressed } from './client/push.ts'
import { createLanguages } from './i18n/index.ts'
import { createConsoleRouter } from './router.ts'
import './style.css'
import './elders.css'

const client = createClient()
const router = createConsoleRouter(client)
onNotificationPressed((page) => void router.push(page))
createApp(App).provide(clientKey, client).use(createLanguages()).use(router).mount('#app')
