import assert from 'node:assert'
import test from 'node:test'
test('sums', () => assert.equal(1 + 1, 2))
test('awaits', async () => assert.equal(await Promise.resolve(3), 3))
