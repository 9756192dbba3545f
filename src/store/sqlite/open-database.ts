import type { Clock } from '../../base/clock.ts';
import type { StoreError } from '../store-error.ts';
import { AbsentTags } from './absent-tags.ts';
import { auditStatements, type AuditStatements } from './audit-statements.ts';
import { Connection } from './connection.ts';
import { databaseError } from './error.ts';
import { EvictionTables } from './eviction/eviction-tables.ts';
import { inventoryStatements, type InventoryStatements } from './inventory-statements.ts';
import { LastUsedBatch } from './last-used.ts';
import { LastUsedWriter } from './last-used-writer.ts';
import { Manifests } from './manifests.ts';
import { Positions } from './positions.ts';
import { ReferrerLists } from './referrer-lists.ts';
import { statements, type Statements } from './statements.ts';
import { UpstreamStates } from './upstream-states.ts';

/** An open metadata database, with the statements prepared on it and the state that goes with it. */
export class OpenDatabase {
  readonly connection: Connection;
  readonly statements: Statements;
  readonly manifests: Manifests;
  readonly upstreams: UpstreamStates;
  readonly referrers: ReferrerLists;
  readonly absentTags: AbsentTags;
  readonly positions: Positions;
  readonly lastUsed: LastUsedBatch;
  readonly eviction: EvictionTables;
  readonly inventory: InventoryStatements;
  readonly audit: AuditStatements;

  private constructor(connection: Connection, clock: Clock, onTrouble: (error: StoreError) => void) {
    const { database } = connection;
    this.connection = connection;
    this.statements = statements(database);
    this.manifests = new Manifests(database);
    this.upstreams = new UpstreamStates(database);
    this.referrers = new ReferrerLists(database);
    this.absentTags = new AbsentTags(database);
    this.positions = new Positions(database, clock);
    const writer = new LastUsedWriter(database, this.positions, clock);
    this.lastUsed = new LastUsedBatch(
      clock,
      this.positions,
      (uses) => connection.transactLazily(() => writer.write(uses)),
      (cause) => onTrouble(databaseError(cause)),
    );
    this.eviction = new EvictionTables(database, clock, this.positions, this.lastUsed);
    this.inventory = inventoryStatements(database);
    this.audit = auditStatements(database);
  }

  /**
   * Opens the database in `file`, creates it when there is none, and brings its schema up to date.
   * @param onTrouble told of failures to write last uses, which no caller waits for
   * @throws {StoreError} `NEWER_SCHEMA` when a newer version of Entrepot wrote it
   */
  static async open(
    file: string,
    clock: Clock,
    onTrouble: (error: StoreError) => void = () => undefined,
  ): Promise<OpenDatabase> {
    const connection = await Connection.open(file, clock);
    try {
      return new OpenDatabase(connection, clock, onTrouble);
    } catch (cause) {
      connection.database.close();
      throw databaseError(cause);
    }
  }

  async close(): Promise<void> {
    if (!this.connection.database.open) return;
    this.lastUsed.close();
    await this.connection.close();
  }
}
