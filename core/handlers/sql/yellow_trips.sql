-- The trips of one file of yellow taxis, in the columns that all taxis share.
-- `raw` is the file; $month (date) is the month that the TLC filed it under.
-- Types differ by year (zone ids of 32 and 64 bits), so every column is cast.
select
    'yellow' as taxi,
    cast($month as date) as month,
    cast(tpep_pickup_datetime as timestamp) as pickup_at,
    cast(tpep_dropoff_datetime as timestamp) as dropoff_at,
    cast("PULocationID" as bigint) as "PULocationID",
    cast("DOLocationID" as bigint) as "DOLocationID",
    cast(trip_distance as double) as trip_distance
from raw
