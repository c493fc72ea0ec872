-- The trips of one file of green taxis that were paid by card: only their tips are recorded.
-- `raw` is the file; $month (date) is the month that the TLC filed it under.
select
    'green' as taxi,
    cast($month as date) as month,
    cast(lpep_pickup_datetime as timestamp) as pickup_at,
    cast("PULocationID" as bigint) as "PULocationID",
    cast("DOLocationID" as bigint) as "DOLocationID",
    cast(fare_amount as double) as fare_amount,
    cast(tip_amount as double) as tip_amount
from raw
where payment_type = 1
