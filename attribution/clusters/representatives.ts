/** A record with the cluster that it went to; engines pass records of their own kind. */
export interface ClusterMember {
  readonly orderKey: number;
  /** Order key of its cluster's founder. */
  readonly founder: number;
}

/**
 * For each cluster, by founder, the member of lowest order key among those given (the pinned snapshots' records): it
 * stands for the cluster, and its contributor is paid. That is not always the founder: a record that was committed
 * earlier may be approved later, and who copies what a reveal shows and is approved first must not win by it.
 */
export function clusterRepresentatives<T extends ClusterMember>(members: Iterable<T>): Map<number, T> {
  const representatives = new Map<number, T>();
  for (const member of members) {
    const known = representatives.get(member.founder);
    if (known === undefined || member.orderKey < known.orderKey) representatives.set(member.founder, member);
  }
  return representatives;
}
