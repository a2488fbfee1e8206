# Logs to a file that is begun anew when it grows, as services do.
import logging
import logging.handlers
import os

handler = logging.handlers.RotatingFileHandler("service.log", maxBytes=2000, backupCount=3)
handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
log = logging.getLogger("service")
log.addHandler(handler)
log.setLevel(logging.INFO)
for number in range(200):
    log.info("request %d answered with status %d", number, 500 if number % 50 == 0 else 200)
log.error("the last words")
print(sorted(name for name in os.listdir(".") if name.startswith("service")))
