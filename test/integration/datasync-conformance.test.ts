import { localHarness } from '../support/datasync/local-harness.ts';
import { natsHarness } from '../support/datasync/nats-harness.ts';
import { registerDatasyncSuite } from '../support/datasync/suite.ts';
import { useNats } from '../support/servers.ts';

const nats = useNats();

registerDatasyncSuite('local', localHarness);
registerDatasyncSuite('nats', (options) => natsHarness(nats, options));
