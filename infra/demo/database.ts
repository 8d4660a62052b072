import pg from 'pg';

/** Opens a connection; when the server goes away, the next query says so instead of the process ending. */
export async function openDatabase(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, application_name: 'weir-demo' });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}
