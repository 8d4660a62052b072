-- The tables of version 1, and what it had stored of a pipeline in the middle of a copy.
CREATE SCHEMA IF NOT EXISTS weir;
CREATE TABLE IF NOT EXISTS weir.pipeline (
  name text PRIMARY KEY,
  reader_epoch bigint NOT NULL,
  identity text,
  start text,
  snapshot jsonb,
  lanes integer,
  desired text NOT NULL DEFAULT 'running',
  created_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE weir.pipeline ADD COLUMN IF NOT EXISTS ordering text NOT NULL DEFAULT 'key';
ALTER TABLE weir.pipeline ADD COLUMN IF NOT EXISTS kept jsonb;
CREATE TABLE IF NOT EXISTS weir.namespace (
  pipeline text NOT NULL REFERENCES weir.pipeline ON DELETE CASCADE,
  namespace text NOT NULL,
  relation jsonb NOT NULL,
  definition jsonb NOT NULL,
  start text COLLATE "C" NOT NULL,
  settled text COLLATE "C" NOT NULL,
  ready boolean NOT NULL DEFAULT false,
  linked boolean NOT NULL DEFAULT false,
  PRIMARY KEY (pipeline, namespace)
);
CREATE TABLE IF NOT EXISTS weir.chunk (
  pipeline text NOT NULL REFERENCES weir.pipeline ON DELETE CASCADE,
  id bigint NOT NULL,
  namespace text NOT NULL,
  chunk jsonb NOT NULL,
  done boolean NOT NULL DEFAULT false,
  batch_key text,
  rows bigint,
  PRIMARY KEY (pipeline, id)
);
CREATE INDEX IF NOT EXISTS chunk_pending ON weir.chunk (pipeline, namespace) WHERE NOT done;
CREATE TABLE IF NOT EXISTS weir.lane (
  pipeline text NOT NULL REFERENCES weir.pipeline ON DELETE CASCADE,
  lane integer NOT NULL,
  epoch bigint NOT NULL,
  reader_epoch bigint NOT NULL,
  sequence bigint NOT NULL,
  position text COLLATE "C" NOT NULL,
  barrier text COLLATE "C",
  PRIMARY KEY (pipeline, lane)
) WITH (fillfactor = 50);
CREATE TABLE IF NOT EXISTS weir.count (
  pipeline text NOT NULL REFERENCES weir.pipeline ON DELETE CASCADE,
  lane integer NOT NULL,
  namespace text NOT NULL,
  inserts bigint NOT NULL,
  updates bigint NOT NULL,
  deletes bigint NOT NULL,
  truncates bigint NOT NULL,
  PRIMARY KEY (pipeline, lane, namespace)
) WITH (fillfactor = 50);
CREATE TABLE IF NOT EXISTS weir.filtered (
  pipeline text NOT NULL REFERENCES weir.pipeline ON DELETE CASCADE,
  lane integer NOT NULL,
  namespace text NOT NULL,
  inserts bigint NOT NULL,
  updates bigint NOT NULL,
  deletes bigint NOT NULL,
  truncates bigint NOT NULL,
  PRIMARY KEY (pipeline, lane, namespace)
) WITH (fillfactor = 50);
ALTER TABLE weir.chunk ADD COLUMN IF NOT EXISTS filtered bigint NOT NULL DEFAULT 0;
ALTER TABLE weir.lane ADD COLUMN IF NOT EXISTS parked boolean NOT NULL DEFAULT false;
ALTER TABLE weir.chunk ADD COLUMN IF NOT EXISTS careful boolean NOT NULL DEFAULT false;
CREATE TABLE IF NOT EXISTS weir.parked (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  pipeline text NOT NULL REFERENCES weir.pipeline ON DELETE CASCADE,
  namespace text NOT NULL,
  relation jsonb NOT NULL,
  shape text COLLATE "C" NOT NULL,
  chain bytea,
  also bytea,
  kind text NOT NULL,
  key bytea,
  tuple bytea,
  copied boolean NOT NULL,
  position text COLLATE "C" NOT NULL,
  inserts bigint NOT NULL,
  updates bigint NOT NULL,
  deletes bigint NOT NULL,
  reason text NOT NULL,
  parked_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
ALTER TABLE weir.parked ADD COLUMN IF NOT EXISTS source jsonb;
ALTER TABLE weir.parked ADD COLUMN IF NOT EXISTS elsewhere jsonb;
CREATE INDEX IF NOT EXISTS parked_chain ON weir.parked (pipeline, chain, id);
CREATE INDEX IF NOT EXISTS parked_also ON weir.parked (pipeline, also, id) WHERE also IS NOT NULL;
CREATE INDEX IF NOT EXISTS parked_shape ON weir.parked (pipeline, namespace, shape, id);
CREATE TABLE IF NOT EXISTS weir.discarded (
  pipeline text NOT NULL REFERENCES weir.pipeline ON DELETE CASCADE,
  namespace text NOT NULL,
  inserts bigint NOT NULL,
  updates bigint NOT NULL,
  deletes bigint NOT NULL,
  truncates bigint NOT NULL,
  PRIMARY KEY (pipeline, namespace)
);
INSERT INTO weir.pipeline SELECT * FROM jsonb_populate_recordset(NULL::weir.pipeline, $state$[
 {"kept":{"cursor":"c"},"name":"test","lanes":3,"start":"00000000000000000000000000000000","desired":"paused","identity":"x","ordering":"key","snapshot":null,"reader_epoch":1796077404,"created_at":"2026-06-01T00:00:00Z"}
]$state$);
INSERT INTO weir.namespace SELECT * FROM jsonb_populate_recordset(NULL::weir.namespace, $state$[
 {"ready":false,"start":"00000000000000000000000000000000","linked":false,"settled":"00000000000000000000000000000000","pipeline":"test","relation":{"key":[0],"order":"key","columns":[{"name":"id","type":"bigint","encoding":"text"},{"name":"name","type":"text","encoding":"text"}],"identity":"key","namespace":"public.item"},"namespace":"public.item","definition":{"name":"item","types":[],"schema":"public","columns":[{"name":"id","type":"bigint","default":null,"missing":null,"notNull":true,"identity":null,"collation":null,"generated":null,"generatedKind":null},{"name":"name","type":"text","default":null,"missing":null,"notNull":false,"identity":null,"collation":null,"generated":null,"generatedKind":null}],"indexes":[],"sequences":[],"partitions":[],"constraints":[{"kind":"primary","name":"item_pkey","definition":"PRIMARY KEY (id)","references":null}],"partitionBy":null}},
 {"ready":true,"start":"00000000000000000000000000000000","linked":false,"settled":"00000000000000000000000000000000","pipeline":"test","relation":{"key":[0],"order":"key","columns":[{"name":"id","type":"bigint","encoding":"text"},{"name":"item","type":"bigint","encoding":"text"},{"name":"said","type":"text","encoding":"text"}],"identity":"key","namespace":"public.note"},"namespace":"public.note","definition":{"name":"note","types":[],"schema":"public","columns":[{"name":"id","type":"bigint","default":null,"missing":null,"notNull":true,"identity":null,"collation":null,"generated":null,"generatedKind":null},{"name":"item","type":"bigint","default":null,"missing":null,"notNull":false,"identity":null,"collation":null,"generated":null,"generatedKind":null},{"name":"said","type":"text","default":null,"missing":null,"notNull":false,"identity":null,"collation":null,"generated":null,"generatedKind":null}],"indexes":[],"sequences":[],"partitions":[],"constraints":[{"kind":"primary","name":"note_pkey","definition":"PRIMARY KEY (id)","references":null},{"kind":"foreign","name":"note_item_fkey","definition":"FOREIGN KEY (item) REFERENCES public.item(id)","references":"public.item"}],"partitionBy":null}}
]$state$);
INSERT INTO weir.chunk SELECT * FROM jsonb_populate_recordset(NULL::weir.chunk, $state$[
 {"id":2,"done":false,"rows":null,"chunk":{"id":2,"how":"load","cursor":null,"dataType":"postgres.copy.text","namespace":"public.item","estimatedBytes":1},"careful":false,"filtered":0,"pipeline":"test","batch_key":null,"namespace":"public.item"},
 {"id":1,"done":true,"rows":2,"chunk":{"id":1,"how":"load","cursor":null,"dataType":"postgres.copy.text","namespace":"public.item","estimatedBytes":1},"careful":false,"filtered":1,"pipeline":"test","batch_key":"key 1","namespace":"public.item"}
]$state$);
INSERT INTO weir.lane SELECT * FROM jsonb_populate_recordset(NULL::weir.lane, $state$[
 {"lane":0,"epoch":1,"parked":false,"barrier":null,"pipeline":"test","position":"00000000000000640000000000000000","sequence":1,"reader_epoch":1796077404},
 {"lane":1,"epoch":1,"parked":false,"barrier":null,"pipeline":"test","position":"00000000000000640000000000000000","sequence":1,"reader_epoch":1796077404},
 {"lane":2,"epoch":1,"parked":false,"barrier":"00000000000000640000000000000000","pipeline":"test","position":"00000000000000000000000000000000","sequence":0,"reader_epoch":0}
]$state$);
INSERT INTO weir.count SELECT * FROM jsonb_populate_recordset(NULL::weir.count, $state$[
 {"lane":0,"deletes":0,"inserts":1,"updates":0,"pipeline":"test","namespace":"public.note","truncates":0},
 {"lane":1,"deletes":0,"inserts":1,"updates":1,"pipeline":"test","namespace":"public.note","truncates":0}
]$state$);
INSERT INTO weir.filtered SELECT * FROM jsonb_populate_recordset(NULL::weir.filtered, $state$[
 {"lane":1,"deletes":2,"inserts":0,"updates":0,"pipeline":"test","namespace":"public.note","truncates":0}
]$state$);
CREATE TABLE public.item (id bigint NOT NULL, name text);
ALTER TABLE public.item ADD CONSTRAINT item_pkey PRIMARY KEY (id);
INSERT INTO public.item VALUES (1, 'one'), (2, 'two');
CREATE TABLE public.note (id bigint NOT NULL, item bigint, said text);
ALTER TABLE public.note ADD CONSTRAINT note_pkey PRIMARY KEY (id);
INSERT INTO public.note VALUES (7, NULL, 'a'), (8, NULL, 'b');
