import { ConfigInvalid } from '@crucible/service-kit';
import type { Logger } from '@crucible/service-kit';
import { readPoliciesFile } from '@crucible/suite/load';
import type { ApprovalPolicies } from '@crucible/suite/load';

/** The operator's rules on tool calls. @throws ConfigInvalid naming file, line and field of each mistake */
export const openPolicies = async (
  { CRUCIBLE_APPROVALS_FILE: file }: { readonly CRUCIBLE_APPROVALS_FILE?: string | undefined },
  logger: Logger,
): Promise<ApprovalPolicies> => {
  if (file === undefined) return new Map();
  try {
    const policies = await readPoliciesFile(file);
    logger.info({ teams: [...policies.keys()] }, 'approval policies loaded');
    return policies;
  } catch (error) {
    throw new ConfigInvalid(`CRUCIBLE_APPROVALS_FILE: ${error instanceof Error ? error.message : String(error)}`);
  }
};
