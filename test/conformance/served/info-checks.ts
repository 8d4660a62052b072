import { ask, type Check, METHODS, require } from './subject.ts';

export const INFO_CHECKS: readonly Check[] = [
  {
    name: 'GetInfo gives the same each time',
    async run(subject) {
      const again = await ask(subject, METHODS.getInfo, {});
      require(JSON.stringify(again) ===
        JSON.stringify(
          subject.info,
        ), 'two calls of GetInfo differ; answer from what does not change, above all the id');
    },
  },
  {
    name: 'GetInfo names the connector and what it can do',
    async run({ info }) {
      const { id, dbType, capabilities } = info;
      require(id !==
        '', 'id is empty; give one that stays the same for the same data, or no copy can go on after a restart');
      require(dbType !== '', 'db_type is empty; name the kind of store');
      const { source, sink } = capabilities ?? {};
      require(source !== undefined ||
        sink !==
          undefined, 'capabilities has neither source nor sink; set the message of what you implement');
      for (const [role, can] of Object.entries({ source, sink }))
        require(can === undefined ||
          can.supportedDataTypes.length >
            0, `capabilities.${role} has no supported_data_types; list at least DATA_TYPE_MONGO_BSON or DATA_TYPE_JSON_ID`);
    },
  },
];
