// Puts requests to @cloud-copilot/iam-simulate: cases and answers as those of evaluate.cpp.

import { createInterface } from 'node:readline'
import { anonymousPrincipal, runSimulation } from '@cloud-copilot/iam-simulate'

function principalOf(caller) {
  if (caller.kind === 'anonymous') return anonymousPrincipal
  if (caller.kind === 'service') return caller.service
  if (caller.kind !== 'role') return caller.arn
  const name = caller.arn.slice(caller.arn.lastIndexOf('/') + 1)
  return `arn:aws:sts::${caller.account}:assumed-role/${name}/${caller.session}`
}

async function answer(test) {
  const context = Object.entries(test.context).filter(([, value]) => value !== null)
  const simulation = {
    request: {
      principal: principalOf(test.caller),
      action: test.action,
      resource: { resource: test.resource, accountId: test.owner },
      contextVariables: Object.fromEntries(context)
    },
    identityPolicies: test.identity_policies.map((policy, i) => ({ name: `identity ${i}`, policy })),
    serviceControlPolicies: [],
    resourceControlPolicies: [],
    resourcePolicy: test.resource_policy ?? undefined,
    additionalSettings: { s3: { blockPublicAccess: test.restrict_public_buckets } }
  }
  const response = await runSimulation(simulation, {})
  if (response.resultType !== 'single') return { refused: JSON.stringify(response.errors ?? response.resultType) }
  const ignored = response.result.ignoredContextKeys
  if (ignored.length > 0) return { refused: `context keys ${ignored}` }
  return { allowed: response.overallResult === 'Allowed' ? 'yes' : 'no' }
}

for await (const line of createInterface({ input: process.stdin }))
  process.stdout.write(JSON.stringify(await answer(JSON.parse(line))) + '\n')
