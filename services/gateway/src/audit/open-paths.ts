/** What reveals hashes only: anybody may have it, as the witnesses and monitors of public logs do. Bundles of entries are not. */
const OPEN = /^\/audit\/(?:checkpoint|key|tile\/\d{1,2}\/(?:x\d{3}\/)*\d{3}(?:\.p\/\d{1,3})?)$/;

/** Whether a stranger may read this address, as it was sent: another spelling of it is another address. */
export const isOpenToAll = (method: string, path: string): boolean => method === 'GET' && OPEN.test(path);
