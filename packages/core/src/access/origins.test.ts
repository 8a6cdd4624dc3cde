import { expect, it } from 'vitest'
import { hostOf, isDeclaredOrigin, originsIn } from './origins.ts'

it.each<[string, boolean]>([
  ['https://console.example.com', true],
  ['http://localhost', true],
  ['http://localhost:5000', true],
  ['http://localhost.evil.com', false],
  ['http://localhost:5000.evil.com', false],
  ['http://localhost:', false],
  ['https://localhost:5000', false],
  ['http://console.example.com', false],
  ['https://console.example.com:8443', false],
  ['https://console.example.com.evil.com', false],
])('%s is declared: %s', (origin, isDeclared) => {
  expect(isDeclaredOrigin(['https://console.example.com', 'http://localhost:*'], origin)).toBe(isDeclared)
})

it('an open port is open where it is declared', () => {
  expect(isDeclaredOrigin(['http://localhost:5000'], 'http://localhost:5001')).toBe(false)
})

it('origins stand in a setting with commas between', () => {
  expect(originsIn(' https://a.example , http://localhost:* ,')).toEqual(['https://a.example', 'http://localhost:*'])
  expect(originsIn('')).toEqual([])
  expect([hostOf('http://localhost:*'), hostOf('https://a.example'), hostOf('')]).toEqual([
    'localhost',
    'a.example',
    undefined,
  ])
})
