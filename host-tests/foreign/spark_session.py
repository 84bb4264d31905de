"""One Spark in one process: on the loopback address, small, quiet, without a web page."""

import atexit
import os
import shutil
import tempfile

import java

JVM = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto"

SETTINGS = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.memory": "1g",
    "spark.driver.extraJavaOptions": JVM,
    "spark.log.level": "OFF",
    "spark.shuffle.compress": "false",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.shuffle.partitions": "2",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}


def start(threads=2, **more):
    """A session; everything that it writes for itself goes with the process."""
    home, work = java.home(), tempfile.mkdtemp(prefix="skein-spark-")
    for directory in (home, work):
        atexit.register(shutil.rmtree, directory, ignore_errors=True)
    os.environ.update(JAVA_HOME=home, SPARK_LOCAL_IP="127.0.0.1", SPARK_LOCAL_DIRS=work)
    # Settings of the machine are not those of the tests.
    os.environ.pop("SPARK_HOME", None)
    os.environ.pop("SPARK_CONF_DIR", None)
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master(f"local[{threads}]").appName("skein-tests")
    for key, value in {**SETTINGS, "spark.sql.warehouse.dir": work, **more}.items():
        builder = builder.config(key, value)
    return builder.getOrCreate()
