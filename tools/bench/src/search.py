"""The older search API as a service of gRPC for Python and SQLAlchemy: search.py DATABASE_URL unindexed|whole|parts STATSD_PORT."""

import sys
from concurrent.futures import ThreadPoolExecutor

import grpc
import statsd
from google.protobuf import empty_pb2  # noqa: F401  (search_pb2 needs it)
from sqlalchemy import BigInteger, Text, create_engine, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

import search_pb2
import search_pb2_grpc


class Base(DeclarativeBase):
    pass


class Thing(Base):
    __tablename__ = "unindexed" if sys.argv[2] == "unindexed" else "thing"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    name: Mapped[str] = mapped_column(Text)


url, outlines, statsd_port = sys.argv[1:4]
engine = create_engine(url.replace("postgres://", "postgresql+psycopg2://"), pool_size=10, max_overflow=0)
stats = statsd.StatsClient("127.0.0.1", int(statsd_port))


def at(lat, lng):
    point = func.ST_SetSRID(func.ST_MakePoint(lng, lat), 4326)
    if outlines != "parts":
        return func.ST_Covers(Thing.__table__.c.geom, point)
    part = Base.metadata.tables["thing_part"]
    return Thing.id.in_(select(part.c.thing_id).where(func.ST_Covers(part.c.geom, point)))


def declare_outlines():
    """The columns that PostGIS knows and SQLAlchemy does not: used in conditions, never loaded."""
    from sqlalchemy import Column, Table
    from sqlalchemy.types import NullType

    Thing.__table__.append_column(Column("geom", NullType))
    Table("thing_part", Base.metadata, Column("thing_id", BigInteger), Column("geom", NullType))


class Search(search_pb2_grpc.SearchServicer):
    def search(self, request, context):
        with stats.timer("search"):
            stats.incr("search_count")
            size = request.result_per_page or 10
            by_name = request.lat == 0 and request.lng == 0
            wanted = Thing.name.icontains(request.query) if by_name else at(request.lat, request.lng)
            with Session(engine) as session:
                query = select(Thing).where(wanted).order_by(Thing.id)
                things = session.scalars(query.limit(size).offset(size * request.page_number)).all()
                responses = [search_pb2.SearchResponse(response=thing.name) for thing in things]
            return search_pb2.SearchResponses(responses=responses)

    def monitor(self, request, context):
        with stats.timer("monitor"), Session(engine) as session:
            stats.incr("monitor_count")
            return search_pb2.MonitorResponse(n_things=session.scalar(select(func.count()).select_from(Thing)))


declare_outlines()
server = grpc.server(ThreadPoolExecutor(max_workers=10))
search_pb2_grpc.add_SearchServicer_to_server(Search(), server)
port = server.add_insecure_port("127.0.0.1:0")
server.start()
print(port, flush=True)
server.wait_for_termination()
