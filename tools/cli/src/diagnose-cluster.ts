import { checkDns, checkNetworkPolicies, checkVersion } from './cluster-checks.ts'
import type { Check, CheckInput, Finding, PlanCheck } from './finding.ts'
import { kubeError, kubeFaultOf } from './kube-fault.ts'
import {
  checkImages,
  checkKinds,
  checkLoadBalancers,
  checkPodSecurity,
  checkQuota,
  checkRights,
  checkSecrets,
  checkStorage,
} from './plan-checks.ts'

const clusterChecks: Readonly<Record<string, Check>> = {
  version: checkVersion,
  'cluster DNS': checkDns,
  'network policies': checkNetworkPolicies,
}

const planChecks: Readonly<Record<string, PlanCheck>> = {
  APIs: checkKinds,
  rights: checkRights,
  'storage class': checkStorage,
  secrets: checkSecrets,
  images: checkImages,
  quota: checkQuota,
  'pod security': checkPodSecurity,
  'load balancer': checkLoadBalancers,
}

/**
 * Asks all questions, each whatever the others answer. A question that this user may not ask is a warning, one without an answer a failure. Rejects
 * with ServiceError: 69 when the API server cannot be had, 78 when it refuses the user.
 */
export const diagnoseCluster = async (input: CheckInput): Promise<readonly Finding[]> => {
  const { plan } = input
  const clusterFindings = Object.entries(clusterChecks).map(([check, ask]) => found(check, input, () => ask(input)))
  const planFindings =
    plan === undefined
      ? []
      : Object.entries(planChecks).map(([check, ask]) => found(check, input, () => ask({ ...input, plan })))
  return Promise.all([...clusterFindings, ...planFindings])
}

const found = async (
  check: string,
  { cluster }: CheckInput,
  ask: () => Promise<Omit<Finding, 'check'>>,
): Promise<Finding> => {
  try {
    return { check, ...(await ask()) }
  } catch (error) {
    const fault = kubeFaultOf(error)
    if (fault === undefined) throw error
    if (check === 'version' || fault.status === 401) throw kubeError(fault, cluster.server, `check the ${check}`)
    if (fault.status !== 403) {
      return {
        check,
        outcome: 'FAIL',
        said: `it is not known, since the API server did not answer: ${fault.message}`,
        fix: 'Run it again, with a longer --timeout where the cluster is slow',
      }
    }
    return {
      check,
      outcome: 'warn',
      said: `it is not known, since this user may not look: ${fault.message}`,
      fix: 'Run it as a user who may, such as one with the role cluster-reader or view',
    }
  }
}
