import t from 'tap'
import { digestAuthorization, readDigestChallenge } from './digest.ts'

// The worked examples of RFC 7616 §3.9.1 and RFC 2069 (as corrected by its errata).
const rfc7616 = (algorithm: string) =>
  `Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=${algorithm}, ` +
  'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
const mufasa = { username: 'Mufasa', password: 'Circle of Life' }
const cnonce = 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ'
const request = { method: 'GET', uri: '/dir/index.html', count: 1, cnonce }

t.test('the examples of RFC 7616 come out', async (t) => {
  const answer = (algorithm: string) => digestAuthorization(readDigestChallenge(rfc7616(algorithm))!, mufasa, request)
  t.match(answer('MD5'), /response="8ca523f5e9506fed4657c9700eebdbec"/)
  const sha = answer('SHA-256')
  t.match(sha, /response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"/)
  t.match(sha, /^Digest username="Mufasa", realm="http-auth@example\.org", nonce=".*", uri="\/dir\/index\.html"/)
  t.match(sha, /, algorithm=SHA-256,.* qop=auth, nc=00000001, cnonce="f2.*", opaque="FQhe.*"$/)
})

t.test('a device of the last century without qop is answered as RFC 2069 says', async (t) => {
  const challenge = readDigestChallenge(
    'Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"',
  )!
  const answer = digestAuthorization(
    challenge,
    { username: 'Mufasa', password: 'CircleOfLife' },
    { method: 'GET', uri: '/dir/index.html', count: 1 },
  )
  t.match(answer, /response="1949323746fe6a43ef61f9606e7febea"/)
  t.notMatch(answer, /qop|nc=|cnonce/)
})

t.test('of several challenges the strongest that can be answered is taken', async (t) => {
  const both = `${rfc7616('MD5')}, ${rfc7616('SHA-256')}`
  t.equal(readDigestChallenge(both)!.algorithm, 'SHA-256')
  t.equal(readDigestChallenge(`Basic realm="x", ${rfc7616('MD5')}`)!.algorithm, 'MD5')
  t.equal(readDigestChallenge(`${rfc7616('SHA-512-256')}, ${rfc7616('MD5')}`)!.algorithm, 'MD5')
  t.equal(readDigestChallenge('Digest realm="r", nonce="n", qop="auth-int"'), undefined, 'the body is not known yet')
  t.equal(readDigestChallenge('Basic realm="Digest"'), undefined)
  t.equal(readDigestChallenge('Digest realm="r"'), undefined)
  t.match(readDigestChallenge('digest realm="a \\"b\\", c", nonce=n, stale=TRUE'), { realm: 'a "b", c', isStale: true })
})

t.test('a user name is hashed where the server asks for it, and quotes in it do not break out', async (t) => {
  // RFC 7616 §3.9.2, with an algorithm both sides know: H(username:realm).
  const challenge = readDigestChallenge('Digest realm="api@example.org", nonce="n", qop="auth", userhash=true')!
  const answer = digestAuthorization(challenge, mufasa, request)
  t.match(answer, /username="[0-9a-f]{32}"/)
  t.match(answer, /userhash=true/)
  const plain = readDigestChallenge('Digest realm="r", nonce="n"')!
  t.match(digestAuthorization(plain, { username: 'a", uri="/x', password: '' }, request), /username="a\\", uri=\\"\/x"/)
})
