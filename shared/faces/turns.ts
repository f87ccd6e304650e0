/** Changes of one tenant's gallery run one after the other: two videos must not make two identities for one person. */
const turns = new Map<string, Promise<unknown>>();

/** Runs the work when all work of that tenant before it is done, however that went. */
export function inTurn<T>(tenant: string, work: () => Promise<T>): Promise<T> {
  const before = turns.get(tenant) ?? Promise.resolve();
  const mine = before.then(work, work);
  const settled = mine
    .catch(() => undefined)
    .finally(() => {
      if (turns.get(tenant) === settled) turns.delete(tenant);
    });
  turns.set(tenant, settled);
  return mine;
}
