import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { chromium as findChromium, chromiumArguments } from '@armature/servers/clients'
import { serverDeadlineMs } from '@armature/servers/fixture'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AllInOne } from '../src/service.ts'
import { testPlatform } from './platform.ts'

const deadlineMs = 15_000

let service: AllInOne
let browser: Browser
let page: Page
beforeAll(async () => {
  service = testPlatform().service
  await service.start()
  browser = await chromium.launch({ executablePath: await findChromium(), args: [...chromiumArguments] })
  page = await browser.newPage()
  page.setDefaultTimeout(deadlineMs)
  await page.goto(url())
}, serverDeadlineMs)
afterAll(async () => {
  await browser.close()
  await service.close()
}, 60_000)

const url = () => service.addresses?.().find(({ label }) => label === 'page')?.address ?? ''

const search = async (lat: string, lng: string): Promise<string> => {
  const before = await page.textContent('#answer')
  await page.fill('input[name=lat]', lat)
  await page.fill('input[name=lng]', lng)
  await page.click('#search button')
  await expect.poll(() => page.textContent('#answer'), { timeout: deadlineMs }).not.toBe(before)
  return (await page.textContent('#answer')) ?? ''
}

test('tells which country is at a point', async () => {
  expect(await search('48.85', '2.35')).toBe('France (FR)')
  expect(await search('-1.29', '36.82')).toBe('Kenya (KE)')
  expect(await search('0', '-140')).toBe('no country there')
})

test('says what is wrong with a point', async () => {
  expect(await search('91', '0')).toMatch(/lat/)
  expect(await search('north', '0')).toBe('lat is not a number: "north"')
})

test('follows the services live', async () => {
  await expect.poll(() => page.textContent('#link'), { timeout: deadlineMs }).toBe('live')
  const acked = () => page.textContent('tr[data-stage=aggregator] td:nth-child(4)')
  const before = Number(await acked())
  await search('52.52', '13.4')
  await expect.poll(async () => Number(await acked()), { timeout: deadlineMs }).toBeGreaterThan(before)
  for (const stage of ['search-service', 'log-shipper', 'aggregator', 'alert-monitor', 'alerts', 'reactor'])
    expect(await page.textContent(`tr[data-stage=${stage}] td:nth-child(2)`)).toBe('ready')
})

test('shows an alert that was raised', async () => {
  const platform = service.platform()
  for (let call = 0; call < 100; call += 1) await platform.client.search({ point: { lat: 48.85, lng: 2.35 } })
  platform.stallNextRead(2_000)
  await platform.client.search({ point: { lat: 48.85, lng: 2.35 } })
  await expect.poll(() => page.textContent('#alerts'), { timeout: deadlineMs }).toMatch(/firing search-stall: .*20\d\d/)
}, 30_000)

test('answers its own origin only', async () => {
  const foreign = get(url(), { headers: { host: 'example.com' } })
  const [response] = (await once(foreign, 'response')) as [IncomingMessage]
  response.resume()
  expect(response.statusCode).toBe(403)
  expect((await fetch(`${url()}/nothing`)).status).toBe(404)
  expect((await fetch(url(), { method: 'POST' })).status).toBe(405)
})
