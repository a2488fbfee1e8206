# Dates, zones and calendars.
import calendar
import datetime as dt
import time

day = dt.date(2024, 2, 28)
print([(day + dt.timedelta(days=n)).isoformat() for n in range(3)])
moment = dt.datetime(2000, 1, 1, tzinfo=dt.timezone.utc)
print(moment.astimezone(dt.timezone(dt.timedelta(hours=5, minutes=30))).isoformat(), int(moment.timestamp()))
assert calendar.isleap(2000) and not calendar.isleap(1900)
print(calendar.month(2024, 2))
assert abs(time.time() - dt.datetime.now().timestamp()) < 5
