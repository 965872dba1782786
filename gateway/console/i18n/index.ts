import { createI18n } from 'vue-i18n'
import en from './en.ts'
import zh from './zh-CN.ts'

const storageKey = 'gridgate-language'

/** Chinese first; a person's choice is remembered in this browser. */
export function createLanguages() {
  const chosen = localStorage.getItem(storageKey)
  const locale = chosen === 'en' ? 'en' : 'zh-CN'
  document.documentElement.lang = locale
  return createI18n({ legacy: false, locale, fallbackLocale: 'en', messages: { 'zh-CN': zh, en } })
}

export function rememberLanguage(locale: string): void {
  localStorage.setItem(storageKey, locale)
  document.documentElement.lang = locale
}
