//! The files of a question as a store that has nothing else: its paths are numbers, so no name of a file leads anywhere.

use std::fmt;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use async_trait::async_trait;
use bytes::Bytes;
use datafusion::object_store::path::Path;
use datafusion::object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};

/// Where DataFusion finds it.
pub(crate) const URL: &str = "rules://files";

/// Files by number.
#[derive(Debug)]
pub(crate) struct Files {
    files: Vec<(PathBuf, u64)>,
}

impl Files {
    pub(crate) const fn new(files: Vec<(PathBuf, u64)>) -> Self {
        Self { files }
    }

    /// What the file of a number is called.
    pub(crate) fn meta(number: usize, size: u64) -> ObjectMeta {
        let location = Path::from(number.to_string());
        ObjectMeta { location, last_modified: Default::default(), size, e_tag: None, version: None }
    }

    fn file(&self, location: &Path) -> Result<(usize, &(PathBuf, u64))> {
        let number = location.as_ref().parse::<usize>().ok();
        let found = number.and_then(|number| Some((number, self.files.get(number)?)));
        found.ok_or_else(|| Error::NotFound {
            path: location.to_string(),
            source: "there is no such file".into(),
        })
    }
}

impl fmt::Display for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("files of a run")
    }
}

fn refused<T>(operation: &str) -> Result<T> {
    Err(Error::NotImplemented { operation: operation.to_owned(), implementer: "files of a run".to_owned() })
}

fn failed(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Generic { store: "files of a run", source: source.into() }
}

#[async_trait]
impl ObjectStore for Files {
    async fn put_opts(&self, _: &Path, _: PutPayload, _: PutOptions) -> Result<PutResult> {
        refused("put")
    }

    async fn put_multipart_opts(&self, _: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        refused("put")
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let (number, (path, size)) = self.file(location)?;
        let whole = 0..*size;
        let range = match &options.range {
            Some(range) => range.as_range(*size).map_err(failed)?,
            None => whole,
        };
        let bytes = if options.head {
            Bytes::new()
        } else {
            let file = File::open(path).map_err(failed)?;
            if file.metadata().map_err(failed)?.len() != *size {
                return Err(failed("the file is not the one that was listed"));
            }
            let length = usize::try_from(range.end.saturating_sub(range.start)).map_err(failed)?;
            let mut bytes = vec![0; length];
            file.read_exact_at(&mut bytes, range.start).map_err(failed)?;
            Bytes::from(bytes)
        };
        let payload = GetResultPayload::Stream(stream::once(async move { Ok(bytes) }).boxed());
        Ok(GetResult { payload, meta: Self::meta(number, *size), range, attributes: Default::default() })
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        locations.map(|_| refused("delete")).boxed()
    }

    fn list(&self, _: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        stream::once(async { refused("list") }).boxed()
    }

    async fn list_with_delimiter(&self, _: Option<&Path>) -> Result<ListResult> {
        refused("list")
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        refused("copy")
    }
}
