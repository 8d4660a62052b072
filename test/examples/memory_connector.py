"""A complete connector in one file: documents in memory, to be read, followed and written.

It needs gRPC, the .proto files and a BSON library, nothing of Weir. Run by the tests; docs/connectors.md explains it.

    python3 test/examples/memory_connector.py [HOST:PORT]

serves it there, else on a free port of 127.0.0.1, and prints the address.
"""

import asyncio
import sys
import uuid
from pathlib import Path

import bson
import grpc
from grpc import StatusCode

# The stubs are made while it starts; those that `python3 -m grpc_tools.protoc` writes into files are the same.
sys.path.append(str(Path(__file__).resolve().parents[2] / "proto"))
messages = grpc.protos("adiom/v1/messages.proto")
services = grpc.services("adiom/v1/adiom.proto")

BSON_TYPE = messages.DATA_TYPE_MONGO_BSON
KINDS = (messages.UPDATE_TYPE_INSERT, messages.UPDATE_TYPE_UPDATE, messages.UPDATE_TYPE_DELETE)
NAMESPACE = "memory.notes"
PAGE = 100
HEARTBEAT_SECONDS = 0.1


def key_of(part):
    return f"{part.type}:{part.data.hex()}"


def id_of(document):
    value = bson.encode({"_id": bson.decode(document)["_id"]})
    # Length (4 bytes), type (1), "_id" and a zero (4), the value, a zero.
    return messages.BsonValue(type=value[4], data=value[9:-1], name="_id")


class MemoryConnector(services.ConnectorServiceServicer):
    def __init__(self):
        # Cursors are of use for as long as this process lives, and so long the id stays the same.
        self.id = f"memory-{uuid.uuid4()}"
        # By the bytes of the _id.
        self.documents = {}
        # Every change since the start. A cursor is a place in it: so it means the same whoever asks.
        self.log = []

    def apply(self, update):
        key = key_of(update.id[0])
        if update.type == messages.UPDATE_TYPE_DELETE:
            self.documents.pop(key, None)
        else:
            self.documents[key] = update.data
        self.log.append(update)

    # `abort` raises: what a program may not do again in the same way ends there.
    async def require_known(self, namespaces, context):
        if any(namespace != NAMESPACE for namespace in namespaces):
            await context.abort(StatusCode.NOT_FOUND, f"there is only {NAMESPACE}")

    async def GetInfo(self, request, context):
        can = messages.Capabilities
        return messages.GetInfoResponse(
            id=self.id,
            db_type="memory",
            version="1",
            capabilities=can(
                source=can.Source(
                    supported_data_types=[BSON_TYPE],
                    multi_namespace_plan=True,
                    default_plan=True,
                    get_by_ids=True,
                ),
                sink=can.Sink(supported_data_types=[BSON_TYPE]),
            ),
        )

    async def GetNamespaceMetadata(self, request, context):
        await self.require_known([request.namespace], context)
        return messages.GetNamespaceMetadataResponse(count=len(self.documents))

    # The place in the log is noted before anything is read: what pages may lack comes as changes.
    async def GeneratePlan(self, request, context):
        await self.require_known(request.namespaces, context)
        cursor = str(len(self.log)).encode()
        plan = messages.GeneratePlanResponse()
        if request.initial_sync:
            count = len(self.documents)
            plan.partitions.add(namespace=NAMESPACE, cursor=b"all", estimated_count=count)
        if request.updates:
            plan.updates_partitions.add(namespaces=[NAMESPACE], cursor=cursor)
        return plan

    # The cursor of a page is the id behind which it begins; empty at the end.
    async def ListData(self, request, context):
        if request.type != BSON_TYPE:
            await context.abort(StatusCode.INVALID_ARGUMENT, "ask for BSON")
        after = request.cursor.decode()
        keys = sorted(key for key in self.documents if key > after)
        page = keys[:PAGE]
        return messages.ListDataResponse(
            data=[self.documents[key] for key in page],
            next_cursor=page[-1].encode() if len(keys) > PAGE else b"",
        )

    # Ends when the caller does: its task is cancelled while it sleeps.
    async def StreamUpdates(self, request, context):
        if not request.cursor.isdigit() or int(request.cursor) > len(self.log):
            await context.abort(StatusCode.INVALID_ARGUMENT, "the cursor is not ours")
        at = int(request.cursor)
        while True:
            updates = self.log[at : at + PAGE]
            at += len(updates)
            # Also when nothing changed: a cursor alone tells that we are alive.
            yield messages.StreamUpdatesResponse(
                namespace=NAMESPACE, updates=updates, next_cursor=str(at).encode()
            )
            await asyncio.sleep(HEARTBEAT_SECONDS)

    async def StreamLSN(self, request, context):
        return
        yield  # Makes it a stream, of nothing.

    async def GetByIds(self, request, context):
        answer = messages.GetByIdsResponse()
        for wanted in request.ids:
            answer.data.add(data=self.documents.get(key_of(wanted.id[0]), b""))
        return answer

    async def WriteData(self, request, context):
        await self.require_known([request.namespace], context)
        for data in request.data:
            self.apply(
                messages.Update(id=[id_of(data)], type=messages.UPDATE_TYPE_UPDATE, data=data)
            )
        return messages.WriteDataResponse()

    async def WriteUpdates(self, request, context):
        await self.require_known([request.namespace], context)
        if any(update.type not in KINDS for update in request.updates):
            known = ", ".join(messages.UpdateType.Name(kind) for kind in KINDS)
            await context.abort(StatusCode.INVALID_ARGUMENT, f"known are {known}")
        for update in request.updates:
            self.apply(update)
        return messages.WriteUpdatesResponse()


async def serve(address):
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", 128 << 20)])
    services.add_ConnectorServiceServicer_to_server(MemoryConnector(), server)
    port = server.add_insecure_port(address)
    await server.start()
    print(f"{address.rpartition(':')[0]}:{port}", flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:0"))
