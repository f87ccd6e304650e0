/** Counts the changes of the index, by tenant, so that whoever keeps an answer knows when it is stale. */
export interface Revisions {
  /** Differs from what it was before any change that may concern the tenant. */
  of(tenant: string): Promise<string>;
  /** @param tenants null: everybody's */
  advance(tenants: readonly string[] | null): Promise<void>;
  close(): Promise<void>;
}
